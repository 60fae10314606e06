{{/* The chart's name, or what its user calls it. */}}
{{- define "metallb.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What every object is named after: the release, with the chart's name where the release does not say it. */}}
{{- define "metallb.fullname" -}}
{{- $name := include "metallb.name" . -}}
{{- $own := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{ .Values.fullnameOverride | default $own | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "metallb.controller.serviceAccount" -}}
{{- $given := .Values.controller.serviceAccount -}}
{{ $given.name | default (ternary (printf "%s-controller" (include "metallb.fullname" .)) "default" $given.create) }}
{{- end }}

{{- define "metallb.speaker.serviceAccount" -}}
{{- $given := .Values.speaker.serviceAccount -}}
{{ $given.name | default (ternary (printf "%s-speaker" (include "metallb.fullname" .)) "default" $given.create) }}
{{- end }}

{{- define "metallb.memberSecret" -}}
{{ .Values.speaker.secretName | default (printf "%s-memberlist" (include "metallb.fullname" .)) }}
{{- end }}

{{/* Of what one component has, given (list $ "controller"), or of what both share, given (list $ ""). */}}
{{- define "metallb.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "metallb.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{/* The labels that never change, by which pods are found. */}}
{{- define "metallb.selector" -}}
app.kubernetes.io/name: {{ include "metallb.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Jobs of ours in PromQL: a monitor names them by the label, which is the name; other set-ups by the full name. */}}
{{- define "metallb.jobs" -}}
{{- $name := include "metallb.name" . -}}
{{- $fullname := include "metallb.fullname" . -}}
{{ ternary (printf "%s.*" $name) (printf "(%s|%s).*" $name $fullname) (hasPrefix $name $fullname) }}
{{- end }}
