{{/* One endpoint of a monitor; given (list settings tlsConfig). */}}
{{- define "metallb.endpoint" -}}
{{- $settings := index . 0 -}}
port: metricshttps
path: /metrics
scheme: https
honorLabels: true
{{- with index . 1 }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
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
