//! Query parameters: none is ignored.

use super::mismatch::mismatch;
use crate::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use gatherd_api_types::ProblemCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::future::{Ready, ready};

/// Most query parameters of one request.
const MAX_PARAMETERS: usize = 64;

/// All query parameters, as a struct of texts that refuses unknown fields.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

/// For operations that take none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

/// `since`: the number of something that there is a list of, as the document has it: within 63 bits.
pub(crate) fn since(text: Option<String>, of: &str) -> Result<Option<u64>, ApiError> {
    let number = |text: String| {
        let number = text.parse::<u64>().ok().filter(|number| *number <= i64::MAX.unsigned_abs());
        number.ok_or_else(|| ApiError::parameter("since", format!("must be the number of a {of}")))
    };
    text.map(number).transpose()
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| ApiError::new(ProblemCode::BadParameter, "The query is not a list of name=value."))?;
    if pairs.len() > MAX_PARAMETERS {
        return Err(ApiError::new(ProblemCode::BadParameter, "The query has too many parameters."));
    }
    let mut object = Map::new();
    for (name, value) in pairs.into_inner() {
        if object.contains_key(&name) {
            return Err(ApiError::parameter(&name, "is given twice"));
        }
        object.insert(name, Value::String(value));
    }
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let fault = mismatch(error.path(), &error.inner().to_string());
        ApiError::parameter(fault.pointer.trim_start_matches('/'), fault.detail)
    })
}
