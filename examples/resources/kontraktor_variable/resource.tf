# The first write creates the project and the environment if they do not exist.
resource "kontraktor_variable" "db_host" {
  project = "billing"
  env     = "prod"
  key     = "DB_HOST"
  value   = "db.billing.internal"
}

resource "kontraktor_variable" "retry_policy" {
  project     = "billing"
  env         = "prod"
  key         = "RETRY_POLICY"
  value       = jsonencode({ attempts = 3, backoff_ms = 250 })
  type        = "json"
  description = "How the payment gateway is retried"
}
