//! Tokens that Keystone signed, checked without it: the signature says who, never what.

mod jws;
mod keys;

pub(crate) use jws::Signed;
pub(crate) use keys::KeyRepository;
pub use keys::RepositoryError;
