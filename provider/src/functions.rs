//! The provider's functions: one file for each. They are pure, and may be called before the provider is configured. Hosts
//! embed their error texts in a sentence, after the argument's name and before a full stop.

mod dotenv_decode;
mod dotenv_encode;
mod reference_parse;

pub(crate) use dotenv_decode::DotenvDecode;
pub(crate) use dotenv_encode::DotenvEncode;
pub(crate) use reference_parse::ReferenceParse;
