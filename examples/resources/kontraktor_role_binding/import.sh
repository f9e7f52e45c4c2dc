# The import ID is "ROLE PATTERN SUBJECT".
terraform import kontraktor_role_binding.pipeline "editor billing/* service-account:billing-pipeline"
