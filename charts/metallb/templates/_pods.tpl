{{/* What both pods have alike; each takes (list $ "controller") or (list $ "speaker"). */}}

{{- define "metallb.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index $root.Values $component -}}
{{- $annotations := dict -}}
{{- if $root.Values.prometheus.scrapeAnnotations }}
{{- $port := toString $root.Values.prometheus.metricsPort }}
{{- $annotations = dict "prometheus.io/scrape" "true" "prometheus.io/scheme" "https" "prometheus.io/port" $port }}
{{- end }}
{{- with merge (dict) ($values.podAnnotations | default dict) $annotations }}
annotations:
  {{- include "metallb.texts" . | nindent 2 }}
{{- end }}
labels:
  {{- include "metallb.selector" . | nindent 2 }}
  {{- with $values.labels }}
  {{- include "metallb.texts" . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Where a pod runs, and how. */}}
{{- define "metallb.podPlace" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $values.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with $values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
nodeSelector:
  {{- merge (dict "kubernetes.io/os" "linux") ($values.nodeSelector | default dict) | include "metallb.texts" | nindent 2 }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "metallb.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index $root.Values (index . 1)).image -}}
image: {{ printf "%s:%s" $image.repository (toString ($image.tag | default $root.Chart.AppVersion)) | quote }}
{{- with $image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- with (index $root.Values (index . 1)).command }}
command:
  {{- ternary (list .) . (kindIs "string" .) | toYaml | nindent 2 }}
{{- end }}
{{- end }}

{{/* Both probes are answered at one port. */}}
{{- define "metallb.healthPort" -}}
{{ ternary .livenessProbe.port .readinessProbe.port .livenessProbe.enabled }}
{{- end }}

{{/* Probes ask the node's own loopback where the pod is in the node's network. */}}
{{- define "metallb.probes" -}}
{{- $values := index (index . 0).Values (index . 1) -}}
{{- $host := ternary "127.0.0.1" "" (eq (index . 1) "speaker") -}}
{{- range $probe, $path := dict "livenessProbe" "/healthz" "readinessProbe" "/readyz" }}
{{- with index $values $probe }}
{{- if .enabled }}
{{ $probe }}:
  httpGet:
    {{- with $host }}
    host: {{ . }}
    {{- end }}
    path: {{ $path }}
    port: {{ .port }}
  {{- omit . "enabled" "port" | toYaml | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A map whose values have to be text, whatever YAML took them for. */}}
{{- define "metallb.texts" -}}
{{- $lines := list -}}
{{- range $key, $value := . }}
{{- $lines = append $lines (printf "%s: %s" $key ($value | toString | toRawJson)) }}
{{- end }}
{{- join "\n" $lines }}
{{- end }}

{{/* Flags of TLS; given (list $ secret), the secret being that of the certificate for /metrics. */}}
{{- define "metallb.tlsFlags" -}}
{{- $tls := (index . 0).Values.tls -}}
{{- with $tls.cipherSuites }}
- {{ printf "--tls-cipher-suites=%s" . | quote }}
{{- end }}
{{- with $tls.curvePreferences }}
- {{ printf "--tls-curve-preferences=%s" . | quote }}
{{- end }}
{{- with $tls.minVersion }}
- --tls-min-version={{ . }}
{{- end }}
{{- if index . 1 }}
- --metrics-cert-dir=/etc/metrics
{{- end }}
{{- end }}
