"""The Helm chart: rendered, judged by the schemas of Kubernetes, and held against what it must never allow."""
