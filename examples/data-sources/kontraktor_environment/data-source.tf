data "kontraktor_environment" "prod" {
  project = "billing"
  env     = "prod"
}

# Only the keys that begin with DB_.
data "kontraktor_environment" "prod_db" {
  project = "billing"
  env     = "prod"
  prefix  = "DB_"
}

# As it was at its first revision, without what it imports.
data "kontraktor_environment" "prod_at_first" {
  project  = "billing"
  env      = "prod"
  own_only = true
  at       = 1
}

output "db_host" {
  value = data.kontraktor_environment.prod.variables["DB_HOST"]
}

# The environment that the value comes from, as in "shared/base".
output "db_host_origin" {
  value = data.kontraktor_environment.prod.origins["DB_HOST"]
}
