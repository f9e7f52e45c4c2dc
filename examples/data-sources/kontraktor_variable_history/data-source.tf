data "kontraktor_variable_history" "db_host" {
  project = "billing"
  env     = "prod"
  key     = "DB_HOST"
  limit   = 10
}

# The value at that time, whether or not the variable still exists.
data "kontraktor_variable_history" "db_host_at_first" {
  project = "billing"
  env     = "prod"
  key     = "DB_HOST"
  at      = 1
}

output "db_host_writers" {
  value = distinct([for entry in data.kontraktor_variable_history.db_host.entries : entry.actor])
}

output "db_host_at_first" {
  value = data.kontraktor_variable_history.db_host_at_first.value
}
