//! References to secrets in AWS Secrets Manager.

use super::scheme::{FieldRule, Parameter, PathRule, Scheme, Selector};

/// `aws-sm://NAME/secret-name?stage=AWSCURRENT#json-field`. The name may be an ARN; `?version=ID` asks for one version.
pub static SCHEME: Scheme = Scheme {
    name: "aws-sm",
    form: "aws-sm://NAME/secret-name",
    path: PathRule::Name,
    parameters: &[
        Parameter { selector: Selector::Version, placeholder: "ID", rule: None },
        Parameter { selector: Selector::Stage, placeholder: "STAGE", rule: None },
    ],
    field: FieldRule::Optional,
};
