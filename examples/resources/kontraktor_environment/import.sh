# The import ID is PROJECT/ENV.
terraform import kontraktor_environment.prod billing/prod
