//! A proxy between a client and a server of HTTP on this machine, which lets single requests go wrong as networks and servers do.
//!
//! One request a connection, and every answer says so: then the nth request is the nth connection, and cutting one off hurts no other.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The longest head of a request, and the longest body, in bytes.
const HEAD_MAX: u64 = 64 << 10;
const BODY_MAX: u64 = 256 << 20;
/// A slow answer comes in so many pieces, with a pause before each.
const PIECES: usize = 8;
const PAUSE: Duration = Duration::from_millis(20);

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server never sees it, and the answer has this state.
    Answer(u16),
    /// The server never sees it, and no answer comes.
    Stall,
    /// The server never sees it, and the connection ends.
    CutBefore,
    /// The server does it, and the connection ends without an answer.
    CutAfter,
    /// The server does it, and the connection ends in the middle of the answer.
    CutShort,
    /// The answer comes in pieces, slowly.
    Slow,
}

/// Which requests a fault meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The nth from now on, counted from 1.
    Once(u64),
    /// The nth and all after it.
    From(u64),
    /// Of those that store something the nth and all after it.
    FromPut(u64),
}

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    program: Option<(When, Fault)>,
    requests: u64,
    puts: u64,
    has_ended: bool,
}

impl Proxy {
    /// Begins to stand before `server`, written as `http://127.0.0.1:8333`.
    pub fn before(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = server.trim_start_matches("http://").to_owned();
        let shared = Arc::new(Shared { server, state: Mutex::default() });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if serving.state().has_ended {
                    return;
                }
                let serving = Arc::clone(&serving);
                // A client that goes away in the middle is nobody's fault.
                thread::spawn(move || drop(serving.serve(&client)));
            }
        });
        Ok(Self { address, shared })
    }

    /// `http://127.0.0.1:…`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins to count requests anew, and lets `fault` meet those that `when` says.
    pub fn program(&self, when: When, fault: Fault) {
        let mut state = self.shared.state();
        (state.program, state.requests, state.puts) = (Some((when, fault)), 0, 0);
    }

    /// From now on all requests go through.
    pub fn calm(&self) {
        self.shared.state().program = None;
    }

    /// Requests since the last [`Self::program`].
    pub fn requests(&self) -> u64 {
        self.shared.state().requests
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().has_ended = true;
        let _ = TcpStream::connect(self.address); // wakes the thread that listens
    }
}

/// A request as it came, and what has to be known of it.
struct Request {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    fn is(&self, method: &str) -> bool {
        self.head.first().is_some_and(|line| line.split(' ').next() == Some(method))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: &Request) -> Option<Fault> {
        let is_put = request.is("PUT");
        let mut state = self.state();
        state.requests += 1;
        state.puts += u64::from(is_put);
        let n = state.requests;
        let (when, fault) = state.program?;
        let met = match when {
            When::Once(nth) => n == nth,
            When::From(nth) => n >= nth,
            When::FromPut(nth) => is_put && state.puts >= nth,
        };
        met.then_some(fault)
    }

    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        let Some(request) = read_request(client)? else { return Ok(()) };
        let mut client = client;
        let fault = self.next(&request);
        match fault {
            Some(Fault::CutBefore) => return client.shutdown(Shutdown::Both),
            Some(Fault::Stall) => return client.read_to_end(&mut Vec::new()).map(drop),
            Some(Fault::Answer(status)) => return client.write_all(refusal(&request, status).as_bytes()),
            None | Some(Fault::CutAfter | Fault::CutShort | Fault::Slow) => {}
        }
        let answer = self.forward(&request)?;
        match fault {
            Some(Fault::CutAfter) => {}
            // Of an answer without a body only the head can be cut.
            Some(Fault::CutShort) => client.write_all(answer.get(..answer.len() / 2).unwrap_or_default())?,
            Some(Fault::Slow) => {
                for piece in answer.chunks(answer.len().div_ceil(PIECES).max(1)) {
                    thread::sleep(PAUSE);
                    client.write_all(piece)?;
                }
            }
            _ => client.write_all(&answer)?,
        }
        client.shutdown(Shutdown::Both)
    }

    /// The whole answer of the server.
    fn forward(&self, request: &Request) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(&self.server)?;
        let mut head = request.head.clone();
        head.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        head.push("connection: close".to_owned());
        server.write_all(format!("{}\r\n\r\n", head.join("\r\n")).as_bytes())?;
        server.write_all(&request.body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// `None` when the client says nothing.
fn read_request(client: &TcpStream) -> io::Result<Option<Request>> {
    let mut reader = BufReader::new(client);
    let mut head = Vec::new();
    let mut lines = reader.by_ref().take(HEAD_MAX);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let mut found = head.iter().filter_map(|line| line.split_once(':'));
        found.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    if header("expect").is_some() {
        let mut client = client;
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let len = header("content-length").and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
    let mut body = Vec::new();
    reader.take(len.min(BODY_MAX)).read_to_end(&mut body)?;
    Ok(Some(Request { head, body }))
}

fn refusal(request: &Request, status: u16) -> String {
    let code = match status {
        403 => "AccessDenied",
        429 => "TooManyRequests",
        500 => "InternalError",
        507 => "QuotaExceeded",
        _ => "SlowDown",
    };
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as the test has asked</Message></Error>");
    let head = format!(
        "HTTP/1.1 {status} refused\r\nconnection: close\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    if request.is("HEAD") { head } else { head + &body }
}
