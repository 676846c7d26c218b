//! Value lists that come in: JSON, NDJSON, or the lines of collectd's PUTVAL.

use super::body::{malformed, parse, receive_one_of};
use super::putval;
use crate::problem::{ApiError, pointer_to};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use gatherd_api_types::{FieldError, ValueList};

/// Most value lists of one request.
const MAX_LISTS: usize = 10_000;

/// The media types that a body may have.
const FORMATS: &[&str] = &["application/json", "application/x-ndjson", "text/plain"];

/// A body with value lists; anything that cannot be read refuses the whole of it.
#[derive(Debug)]
pub(crate) struct ValueListsBody {
    /// At least one, in their order.
    pub(crate) lists: Vec<ValueList>,
    /// Whether the body was one value list and no sequence of them.
    pub(crate) alone: bool,
}

impl FromRequest for ValueListsBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = receive_one_of(request, FORMATS, payload);
        Box::pin(async move {
            let (format, bytes) = body.await?;
            // Ten thousand value lists take their time, which others on this worker would wait.
            let read = web::block(move || read(format, &bytes)).await;
            read.map_err(|_| ApiError::internal("reading value lists was broken off"))?
        })
    }
}

fn read(format: usize, body: &[u8]) -> Result<ValueListsBody, ApiError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let (lists, alone) = match format {
        0 if first == Some(&b'[') => (parse(body)?, false),
        0 => (vec![parse(body)?], true),
        1 => (lines(body)?, false),
        _ => (putval_lines(body)?, false),
    };
    if (1..=MAX_LISTS).contains(&lists.len()) {
        return Ok(ValueListsBody { lists, alone });
    }
    let detail = format!("1 to {MAX_LISTS} value lists are wanted");
    Err(ApiError::invalid(vec![FieldError { pointer: String::new(), detail }]))
}

/// One JSON object per line; empty lines are passed over.
fn lines(body: &[u8]) -> Result<Vec<ValueList>, ApiError> {
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let mut lists = Vec::new();
    for (index, (number, line)) in lines.enumerate() {
        // Which would be taken for the members in their order; none of these is an object itself.
        if line.trim_ascii_start().starts_with(b"[") {
            let (pointer, detail) = (pointer_to(&index.to_string()), "must be an object".to_owned());
            return Err(ApiError::invalid(vec![FieldError { pointer, detail }]));
        }
        let mut reader = serde_json::Deserializer::from_slice(line);
        let read = serde_path_to_error::deserialize(&mut reader);
        let read = read.map_err(|error| {
            let inner = error.inner();
            if inner.is_data() {
                let fault = super::mismatch::mismatch(error.path(), &inner.to_string());
                let pointer = format!("/{index}{}", fault.pointer);
                ApiError::invalid(vec![FieldError { pointer, ..fault }])
            } else {
                malformed(number + 1, inner.column())
            }
        })?;
        reader.end().map_err(|error| malformed(number + 1, error.column()))?;
        lists.push(read);
        if lists.len() > MAX_LISTS {
            break;
        }
    }
    Ok(lists)
}

/// `PUTVAL identifier [interval=seconds] time:value[:value …] …`, line by line.
fn putval_lines(body: &[u8]) -> Result<Vec<ValueList>, ApiError> {
    let text = str::from_utf8(body).map_err(|_| ApiError::bad_request("The body is not UTF-8."))?;
    let (mut lists, mut errors) = (Vec::new(), Vec::new());
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for (index, line) in lines.enumerate() {
        match putval::read(line) {
            Ok(read) => lists.extend(read),
            Err(detail) => {
                errors
                    .push(FieldError { pointer: pointer_to(&index.to_string()), detail: detail.to_owned() });
            }
        }
        if lists.len() > MAX_LISTS || errors.len() == 100 {
            break;
        }
    }
    if errors.is_empty() { Ok(lists) } else { Err(ApiError::invalid(errors)) }
}

#[cfg(test)]
mod tests {
    use super::read;
    use gatherd_api_types::{Number, Numbers};

    #[test]
    fn json_is_one_list_or_an_array_of_them() {
        let one = read(0, br#" {"identifier": "h/p/t", "values": [1]}"#).unwrap();
        assert_eq!((one.lists.len(), one.alone), (1, true));
        let many = read(
            0,
            br#"[{"identifier": "h/p/t", "values": [1]}, {"identifier": "h/p/u", "values": {"v": 2}}]"#,
        );
        assert_eq!(many.map(|it| (it.lists.len(), it.alone)).unwrap(), (2, false));
    }

    #[test]
    fn lines_are_passed_over_where_they_are_empty_and_named_where_they_are_wrong() {
        let lines = b"\n{\"identifier\": \"a/b/c\", \"values\": [1]}\r\n\n{\"identifier\": \"a/b/d\", \"values\": [null]}";
        let lists = read(1, lines).unwrap().lists;
        assert_eq!(lists.len(), 2);
        assert_eq!(lists[1].values, Numbers::Ordered(vec![None]));
        for (body, expected) in [
            (
                &b"{\"identifier\": \"a/b/c\", \"values\": [1]}\n{\"identifier\": 7, \"values\": [1]}"[..],
                "/1/identifier",
            ),
            (b"{\"identifier\": \"a/b/c\", \"values\": [1], \"host\": 1}", "/0/host"),
            (b"[\"a/b/c\", null, null, [1]]", "/0"),
            (b"\n{\"identifier\": \"a/b/c\"", "line 2"),
            (b"{\"identifier\": \"\xff\", \"values\": [1]}", "line 1"),
            (b"{\"identifier\": \"a/b/c\", \"values\": [1]} {}", "line 1"),
        ] {
            let error = format!("{:?}", read(1, body).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn lines_of_putval_may_carry_several_times() {
        let text = b"PUTVAL h/p/t interval=5 10:1:U 20:-2:0.5\n\nputval \"h/a b/t\" N:7\n";
        let lists = read(2, text).unwrap().lists;
        assert_eq!(lists.len(), 3);
        assert_eq!(lists[0].values, Numbers::Ordered(vec![Some(Number::Unsigned(1)), None]));
        assert_eq!(lists[2].identifier, "h/a b/t");
        assert!(read(2, b"PUTVAL h/p/t 1:\xff").is_err());
        let error = format!("{:?}", read(2, b"PUTVAL h/p/t 1:2\nGETVAL h/p/t").unwrap_err());
        assert!(error.contains("/1"), "{error}");
    }

    #[test]
    fn nothing_and_too_many_are_refused() {
        for (format, body) in [(0, &b"[]"[..]), (1, b"\n\n"), (2, b"")] {
            assert!(read(format, body).is_err());
        }
        let line = "PUTVAL h/p/t 1:1\n";
        assert_eq!(read(2, line.repeat(10_000).as_bytes()).unwrap().lists.len(), 10_000);
        assert!(read(2, line.repeat(10_001).as_bytes()).is_err());
    }
}
