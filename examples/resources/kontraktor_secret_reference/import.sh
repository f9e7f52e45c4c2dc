# The import ID is PROJECT/ENV/KEY.
terraform import kontraktor_secret_reference.db_password billing/prod/DB_PASSWORD
