data "kontraktor_variable" "db_host" {
  project = "billing"
  env     = "prod"
  key     = "DB_HOST"
}

# At the first revision of the environment.
data "kontraktor_variable" "db_host_at_first" {
  project = "billing"
  env     = "prod"
  key     = "DB_HOST"
  at      = 1
}

output "db_host" {
  value = data.kontraktor_variable.db_host.value
}
