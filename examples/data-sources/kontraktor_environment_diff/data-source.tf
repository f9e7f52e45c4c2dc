# What promoting staging would change in prod: the way leads from prod as it is to staging.
data "kontraktor_environment_diff" "promotion" {
  from {
    project = "billing"
    env     = "prod"
  }
  to {
    env = "staging"
  }
}

# What happened in prod since its first revision.
data "kontraktor_environment_diff" "since_first" {
  from {
    project = "billing"
    env     = "prod"
    at      = 1
  }
}

output "missing_in_prod" {
  value = keys(data.kontraktor_environment_diff.promotion.added)
}

output "untouched" {
  value = data.kontraktor_environment_diff.since_first.identical
}
