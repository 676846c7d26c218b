//! A daemon that gives prepared answers, and the program that asks it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// One answer: what is asked for begins with `request`, such as `GET /v1/plugins `.
pub(crate) struct Answer {
    /// Method and the beginning of path and query.
    pub(crate) request: &'static str,
    /// Status line after the version.
    pub(crate) status: &'static str,
    /// Further headers, each with its line end.
    pub(crate) headers: &'static str,
    /// The body.
    pub(crate) body: String,
    /// A number in the body that is one greater at each answer.
    pub(crate) counted: Option<&'static str>,
}

impl Answer {
    /// 200 with a JSON body.
    pub(crate) fn ok(request: &'static str, body: &serde_json::Value) -> Self {
        Self { request, status: "200 OK", headers: "", body: body.to_string(), counted: None }
    }

    /// The body after so many answers.
    fn nth(&self, before: usize) -> String {
        match self.counted {
            Some(number) => {
                let next = number.parse::<usize>().unwrap() + before;
                self.body.replacen(number, &next.to_string(), 1)
            }
            None => self.body.clone(),
        }
    }

    /// A problem document with this status and code.
    pub(crate) fn refusal(request: &'static str, status: &'static str, code: &str) -> Self {
        let number: u16 = status[..3].parse().unwrap();
        let body = serde_json::json!({"type": format!("urn:gatherd:problem:{code}"), "title": &status[4..],
            "status": number, "detail": "It is so.", "instance": "/v1", "code": code, "request_id": "req-1",
            "errors": if code == "invalid" { serde_json::json!([{"pointer": "/filter", "detail": "is none"}]) }
                else { serde_json::json!([]) }});
        Self { request, status, headers: "", body: body.to_string(), counted: None }
    }
}

/// A running fake; it ends with the test process.
pub(crate) struct Daemon {
    /// `--url` or `--socket`, and where.
    pub(crate) place: [String; 2],
    asked: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// Answers on a port of the system's choice.
    pub(crate) fn tcp(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = ["--url".to_owned(), format!("http://{}", listener.local_addr().unwrap())];
        Self::serve(place, answers, move || listener.accept().map(|(stream, _)| stream))
    }

    /// Answers on a unix socket.
    pub(crate) fn unix(path: &Path, answers: Vec<Answer>) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let place = ["--socket".to_owned(), path.to_str().unwrap().to_owned()];
        Self::serve(place, answers, move || listener.accept().map(|(stream, _)| stream))
    }

    fn serve<S: Read + Write>(
        place: [String; 2],
        answers: Vec<Answer>,
        mut accept: impl FnMut() -> io::Result<S> + Send + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&asked);
        thread::spawn(move || {
            while let Ok(stream) = accept() {
                let _gone = converse(stream, &answers, &record);
            }
        });
        Self { place, asked }
    }

    /// All requests so far, head and body.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Runs the program against this daemon.
    pub(crate) fn run(&self, line: &str) -> Ran {
        Ctl::default().run(&[line, &self.place.join(" ")].join(" "))
    }
}

/// Answers one request, and closes.
fn converse(stream: impl Read + Write, answers: &[Answer], record: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request)? == 0 {
            return Ok(());
        }
    }
    let head = request.to_lowercase();
    let announced = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; announced.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    request.push_str(&String::from_utf8_lossy(&body));
    let answer = answers.iter().find(|answer| request.starts_with(answer.request));
    let before = {
        let mut record = record.lock().unwrap();
        record.push(request.clone());
        record.iter().filter(|earlier| answer.is_some_and(|it| earlier.starts_with(it.request))).count() - 1
    };
    let (status, headers, body) =
        answer.map_or(("599 Not Prepared", "", String::new()), |it| (it.status, it.headers, it.nth(before)));
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.get_mut().write_all(head.as_bytes())?;
    stream.get_mut().write_all(body.as_bytes())
}

/// The program, and what surrounds it.
#[derive(Default)]
pub(crate) struct Ctl<'a> {
    /// Environment variables; there are no others.
    pub(crate) variables: Vec<(&'a str, &'a str)>,
    /// What standard input holds.
    pub(crate) input: &'a str,
}

/// What became of a run.
#[derive(Debug, PartialEq)]
pub(crate) struct Ran {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ctl<'_> {
    /// Runs it with these arguments, split at blanks.
    pub(crate) fn run(&self, line: &str) -> Ran {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().unwrap();
        let _not_read = child.stdin.take().unwrap().write_all(self.input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The command, with its outputs caught.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatherctl"));
        command.args(line.split_whitespace()).env_clear().envs(self.variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}
