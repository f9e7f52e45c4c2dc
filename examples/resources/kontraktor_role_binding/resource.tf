# The pipeline of billing may write all of its environments.
resource "kontraktor_role_binding" "pipeline" {
  role    = "editor"
  subject = "service-account:billing-pipeline"
  pattern = "billing/*"
}

# A group of the identity provider reads the configuration of every staging environment.
resource "kontraktor_role_binding" "developers" {
  role    = "viewer"
  subject = "group:login.example.com:developers"
  pattern = "*/staging"
}
