//! Which versions of the API there are, in OpenStack's version-discovery form.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer of `GET /`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Versions {
    /// All versions.
    pub versions: Vec<Version>,
}

/// Answer of `GET /v1`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct VersionAnswer {
    /// The version that was asked for.
    pub version: Version,
}

/// One version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Version {
    /// Its name.
    #[schema(example = "v1.0")]
    pub id: String,
    /// `CURRENT`, `SUPPORTED` or `DEPRECATED`.
    #[schema(example = "CURRENT")]
    pub status: String,
    /// Newest microversion.
    #[schema(example = "1.0")]
    pub version: String,
    /// Oldest microversion.
    #[schema(example = "1.0")]
    pub min_version: String,
    /// Where it is.
    pub links: Vec<Link>,
}

/// Where something is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Link {
    /// What it is to the one that links.
    #[schema(example = "self")]
    pub rel: String,
    /// Its address.
    #[schema(example = "http://127.0.0.1:8720/v1/")]
    pub href: String,
}
