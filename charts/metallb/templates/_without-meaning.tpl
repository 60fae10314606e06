{{/*
Values that are taken and do nothing, each with what it is when nobody gives it: those of FRR, and those of older charts.
Answers with the paths of those that were given something else, a line each.
*/}}
{{- define "metallb.withoutMeaning" -}}
{{- $idle := dict
  "frrk8s.enabled" false
  "frrk8s.external" false
  "frrk8s.namespace" ""
  "frrk8s.secretPassthrough" false
  "frr-k8s" dict
  "speaker.bgpDebounceTimeout" nil
  "speaker.startupProbe" (dict "enabled" true "failureThreshold" 30 "periodSeconds" 5)
  "speaker.frr.enabled" false
  "speaker.frr.image.repository" ""
  "speaker.frr.image.tag" ""
  "speaker.frr.image.pullPolicy" nil
  "speaker.frr.metricsPort" 9121
  "speaker.frr.secureMetricsPort" nil
  "speaker.frr.resources" dict
  "speaker.reloader.resources" dict
  "speaker.frrMetrics.resources" dict
  "speaker.initContainers.cpFrrFiles.resources" dict
  "speaker.initContainers.cpReloader.resources" dict
  "speaker.initContainers.cpMetrics.resources" dict
  "prometheus.secureMetricsPort" nil
  "prometheus.controllerMetricsTLSSecret" nil
  "prometheus.speakerMetricsTLSSecret" nil
  "prometheus.rbacProxy" nil
  "psp" nil
-}}
{{- range $path, $nothing := $idle }}
{{- $value := $.Values }}
{{- range splitList "." $path }}
{{- if kindIs "map" $value }}{{ $value = index $value . }}{{ else }}{{ $value = nil }}{{ end }}
{{- end }}
{{- if and (ne (toJson $value) (toJson $nothing)) (ne (toJson $value) "null") }}
{{ $path }}
{{- end }}
{{- end }}
{{- end }}
