//! The provider's functions: one file for each. They are pure, and called in a process that may not be configured. Hosts put
//! what they tell into a sentence of their own, with the argument before and a full stop behind.

mod dotenv_decode;
mod dotenv_encode;
mod reference_parse;

pub(crate) use dotenv_decode::DotenvDecode;
pub(crate) use dotenv_encode::DotenvEncode;
pub(crate) use reference_parse::ReferenceParse;
