{{/* One endpoint of a monitor; given (list $ settings tlsConfig). */}}
{{- define "metallb.endpoint" -}}
{{- $settings := index . 1 -}}
{{- $scheme := include "metallb.metricsScheme" (index . 0) -}}
port: metricshttps
path: /metrics
scheme: {{ $scheme }}
honorLabels: true
{{- if eq $scheme "https" }}
{{- with index . 2 }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with $settings.interval }}
interval: {{ . | quote }}
{{- end }}
{{- with $settings.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
