//! A line of collectd's PUTVAL.
//!
//! Source: `collectd-unixsock(5)`, `PUTVAL Identifier [OptionList] Valuelist`.

use gatherd_api_types::{Moment, Number, Numbers, ValueList};

/// The value lists of one line.
///
/// # Errors
///
/// What is wrong with the line, for people.
pub(super) fn read(line: &str) -> Result<Vec<ValueList>, &'static str> {
    let mut rest = line;
    let command = token(&mut rest)?.unwrap_or_default();
    if !command.eq_ignore_ascii_case("PUTVAL") {
        return Err("a line begins with PUTVAL");
    }
    let identifier = token(&mut rest)?.ok_or("an identifier is missing")?;
    let (mut lists, mut interval) = (Vec::new(), None);
    while let Some(word) = token(&mut rest)? {
        match word.split_once('=') {
            Some((name, seconds)) if name.eq_ignore_ascii_case("interval") => {
                interval = Some(seconds.parse().map_err(|_| "the interval is no number of seconds")?);
            }
            Some(_) => return Err("the only option is interval=SECONDS"),
            None => {
                let (time, values) = word.split_once(':').ok_or("values are written as time:value:value")?;
                let values = values.split(':').map(number).collect::<Result<_, _>>()?;
                let (identifier, values) = (identifier.clone(), Numbers::Ordered(values));
                lists.push(ValueList { identifier, time: moment(time)?, interval, values });
            }
        }
    }
    if lists.is_empty() { Err("values are missing: time:value:value") } else { Ok(lists) }
}

/// Takes the next word off `rest`: up to white space, or within quotes, where a backslash keeps what follows.
fn token(rest: &mut &str) -> Result<Option<String>, &'static str> {
    let text = rest.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, after) = text.split_at(end);
        *rest = after;
        return Ok(Some(word.to_owned()).filter(|word| !word.is_empty()));
    };
    let mut word = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                *rest = &quoted[at + 1..];
                return Ok(Some(word));
            }
            '\\' => word.push(letters.next().ok_or("a quote is not closed")?.1),
            other => word.push(other),
        }
    }
    Err("a quote is not closed")
}

fn moment(text: &str) -> Result<Option<Moment>, &'static str> {
    match text {
        "N" => Ok(None),
        number => {
            let seconds = number.parse::<f64>().ok().filter(|it| it.is_finite());
            seconds.map(|it| Some(Moment::Seconds(it))).ok_or("a time is N or a number of seconds since 1970")
        }
    }
}

fn number(text: &str) -> Result<Option<Number>, &'static str> {
    if text == "U" {
        return Ok(None);
    }
    let float = || text.parse().ok().filter(|it: &f64| it.is_finite()).map(Number::Float);
    let unsigned = text.parse().map(Number::Unsigned);
    let number = unsigned.or_else(|_| text.parse().map(Number::Signed)).ok().or_else(float);
    number.map(Some).ok_or("a value is a number, or U where it is not known")
}

#[cfg(test)]
mod tests {
    use super::read;
    use gatherd_api_types::{Moment, Number, Numbers};

    #[test]
    fn a_line_of_the_manual_is_read() {
        let lists =
            read("PUTVAL testhost/interface/if_octets-test0 interval=10 1179574444.5:123:456").unwrap();
        assert_eq!(lists.len(), 1);
        assert_eq!(lists[0].identifier, "testhost/interface/if_octets-test0");
        assert_eq!(
            (lists[0].time.clone(), lists[0].interval),
            (Some(Moment::Seconds(1_179_574_444.5)), Some(10.0))
        );
        let numbers = vec![Some(Number::Unsigned(123)), Some(Number::Unsigned(456))];
        assert_eq!(lists[0].values, Numbers::Ordered(numbers));
    }

    #[test]
    fn a_quoted_identifier_may_hold_spaces_and_quotes() {
        let lists = read(r#"  putval "h/a \"b\" c/gauge" N:U"#).unwrap();
        assert_eq!((&*lists[0].identifier, lists[0].time.clone()), (r#"h/a "b" c/gauge"#, None));
        assert_eq!(lists[0].values, Numbers::Ordered(vec![None]));
    }

    #[test]
    fn what_is_no_putval_says_why() {
        for line in [
            "LISTVAL",
            "PUTVAL",
            "PUTVAL h/p/t",
            "PUTVAL h/p/t 5",
            "PUTVAL h/p/t interval=x 1:2",
            "PUTVAL h/p/t colour=red 1:2",
            "PUTVAL h/p/t now:2",
            "PUTVAL h/p/t inf:2",
            "PUTVAL h/p/t 1:",
            "PUTVAL h/p/t 1:two",
            "PUTVAL h/p/t 1:inf",
            "PUTVAL \"h/p/t 1:2",
            "PUTVAL \"h/p/t\\",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
