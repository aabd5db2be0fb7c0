//! The port where servers of one realm ask each other, as it is attacked: whoever does not have the key is told nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use pasee::domain::process::ProcessId;
use pasee::domain::time::Timestamp;
use pasee::jose::seal::Sealer;
use pasee::jose::secret::{Purpose, Secret};
use pasee::peers::{AskError, Parts, PeerName, Peers, Sealing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{error, pasee_with, redeem};
use crate::support::pasee::{Pasee, Setup, free_port, now};

/// Longer than the port waits for anybody.
const PATIENCE: Duration = Duration::from_secs(60);
/// A question that every server understands: to take a code that is none. And what it says to that.
const QUESTION: &[u8] = &[0, 1, b'x'];
const UNKNOWN: &[u8] = &[2];

struct Key(Sealer);

impl Key {
    fn of(secret: &Secret) -> Box<dyn Sealing> {
        Box::new(Self(Sealer::new(Purpose::Peers, secret, &[])))
    }
}

impl Sealing for Key {
    fn seal(&self, used_for: &str, message: &[u8]) -> Option<Vec<u8>> {
        self.0.seal_bytes(used_for, message).ok()
    }

    fn open(&self, used_for: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open_bytes(used_for, sealed)
    }
}

fn clock() -> Timestamp {
    Timestamp::from_unix(now()).unwrap()
}

fn slow_clock() -> Timestamp {
    Timestamp::from_unix(now() - 45).unwrap()
}

/// A server that knows itself alone, and where it is asked.
async fn server() -> (Pasee, SocketAddr) {
    let port = free_port();
    let table =
        format!("[peers]\nlisten = \"127.0.0.1:{port}\"\ndiscover = \"localhost:{port}\"\n");
    let pasee = pasee_with(Setup::default(), &table).await;
    (pasee, SocketAddr::from(([127, 0, 0, 1], port)))
}

fn ours(pasee: &Pasee) -> Box<dyn Sealing> {
    Key::of(&Secret::of(&pasee.forger.key))
}

/// Somebody who asks there, by a key and a clock.
fn asker(port: SocketAddr, sealing: Box<dyn Sealing>, clock: fn() -> Timestamp) -> Peers {
    let discover = vec![PeerName::new(&port.ip().to_string(), port.port())];
    Peers::new(ProcessId::new([9; 8]), Parts { discover, advertise: None, sealing, clock })
}

/// What is answered to the question.
async fn answer(asker: &Peers) -> Option<Vec<u8>> {
    // Nobody of that name; but now it is known who is there.
    assert_eq!(asker.ask(ProcessId::new([1; 8]), Vec::new()).await, Err(AskError::Unknown));
    let mut answers = asker.ask_all(QUESTION);
    while let Some(answer) = answers.next().await {
        if let Some((_, answer)) = answer {
            return Some(answer);
        }
    }
    None
}

/// Bytes on a connection, and all that comes back before it is closed.
async fn sent(port: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let talk = async {
        let mut stream = TcpStream::connect(port).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let mut back = Vec::new();
        let _ = stream.read_to_end(&mut back).await;
        back
    };
    tokio::time::timeout(PATIENCE, talk).await.expect("it is closed")
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

/// Everything that goes through it is kept.
async fn recorder(port: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, kept) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let keeping = Arc::clone(&kept);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let keeping = Arc::clone(&keeping);
            tokio::spawn(async move {
                let length = client.read_u32().await.unwrap();
                let mut message = vec![0; length as usize];
                client.read_exact(&mut message).await.unwrap();
                keeping.lock().unwrap().push(message.clone());
                let back = sent(port, &framed(&message)).await;
                let _ = client.write_all(&back).await;
            });
        }
    });
    (address, kept)
}

#[tokio::test]
async fn who_has_the_key_is_answered_and_nobody_else() {
    let (pasee, port) = server().await;
    assert_eq!(answer(&asker(port, ours(&pasee), clock)).await.as_deref(), Some(UNKNOWN));
    assert_eq!(answer(&asker(port, Key::of(&Secret::new([7; 32])), clock)).await, None);
    assert_eq!(answer(&asker(port, ours(&pasee), slow_clock)).await, None, "it is old");
    // Sealed by us, and no question.
    let nonsense = ours(&pasee).seal("question", b"nonsense").unwrap();
    let other_use = ours(&pasee).seal("answer", b"nonsense").unwrap();
    for message in [&nonsense[..], &other_use, b"", b"GET / HTTP/1.1\r\n\r\n", &[0; 32 * 1024]] {
        assert_eq!(sent(port, &framed(message)).await, b"", "nothing is said");
    }
    for raw in
        [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], &[0xff; 100], &[0, 0], &[0x16, 3, 1, 2, 0]]
    {
        assert_eq!(sent(port, raw).await, b"", "nothing is said");
    }
}

#[tokio::test]
async fn what_was_recorded_is_not_answered_again() {
    let (pasee, port) = server().await;
    let (between, kept) = recorder(port).await;
    assert_eq!(answer(&asker(between, ours(&pasee), clock)).await.as_deref(), Some(UNKNOWN));
    let kept = kept.lock().unwrap().clone();
    assert!(kept.len() >= 2, "a hello and a question");
    for message in &kept {
        assert_eq!(sent(port, &framed(message)).await, b"", "it came before");
        for place in [0, 10, message.len() / 2, message.len() - 1] {
            let mut changed = message.clone();
            changed[place] ^= 1;
            assert_eq!(sent(port, &framed(&changed)).await, b"");
        }
    }
    // The same process is another one after a restart: what was asked of it before is for nobody.
    let mut pasee = pasee;
    pasee.restart(str::to_owned).await;
    assert_eq!(sent(port, &framed(kept.last().unwrap())).await, b"");
    assert_eq!(answer(&asker(port, ours(&pasee), clock)).await.as_deref(), Some(UNKNOWN));
}

/// Nobody who holds connections open keeps those out who have something to ask.
#[tokio::test]
async fn floods() {
    let (pasee, port) = server().await;
    let mut idle = Vec::new();
    for number in 0..700_u32 {
        let mut stream = TcpStream::connect(port).await.unwrap();
        let _ = stream.write_all(&number.to_be_bytes()[..number as usize % 4]).await;
        idle.push(stream);
    }
    assert_eq!(answer(&asker(port, ours(&pasee), clock)).await.as_deref(), Some(UNKNOWN));
    // And each of them is closed, without a word.
    for mut stream in idle {
        let mut back = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut back)).await;
        assert!(read.is_ok() && back.is_empty());
    }
}

/// Whatever a process says of itself and a code says of its maker, nobody is called whom discovery does not name.
#[tokio::test]
async fn nobody_is_called_whom_discovery_does_not_name() {
    let (pasee, port) = server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (unlisted, calls) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let discover = vec![PeerName::new("127.0.0.1", port.port())];
    let parts = Parts { discover, advertise: Some(unlisted), sealing: ours(&pasee), clock };
    let asker = Peers::new(ProcessId::new([9; 8]), parts);
    assert_eq!(answer(&asker).await.as_deref(), Some(UNKNOWN));
    // `CQkJCQkJCQk` is what the asker is called.
    for _ in 0..3 {
        let code = "CQkJCQkJCQk.AAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(error(redeem(&pasee, code).await, 400), "invalid_grant");
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}
