# The import ID is PROJECT/NAME.
terraform import kontraktor_variable_schema.ports billing/ports
