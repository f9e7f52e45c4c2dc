data "kontraktor_environment" "prod" {
  project = "billing"
  env     = "prod"
}

# Only the keys that start with DB_.
data "kontraktor_environment" "prod_db" {
  project = "billing"
  env     = "prod"
  prefix  = "DB_"
}

# At its first revision, without imported variables.
data "kontraktor_environment" "prod_at_first" {
  project  = "billing"
  env      = "prod"
  own_only = true
  at       = 1
}

output "db_host" {
  value = data.kontraktor_environment.prod.variables["DB_HOST"]
}

# The environment that the value comes from, such as "shared/base".
output "db_host_origin" {
  value = data.kontraktor_environment.prod.origins["DB_HOST"]
}
