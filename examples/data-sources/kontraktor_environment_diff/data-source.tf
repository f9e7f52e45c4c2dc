# The changes that promoting staging would make in prod.
data "kontraktor_environment_diff" "promotion" {
  from {
    project = "billing"
    env     = "prod"
  }
  to {
    env = "staging"
  }
}

# The changes in prod since its first revision.
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
