//! A link that breaks after any number of bytes.

use podfleet_hub::op::AgentRef;
use podfleet_protocol::method::AttachRole;

use super::Machine;
use super::seen::{Seen, params};

/// A way to a machine that breaks each connection after so many bytes of what comes back.
struct Breaking {
    address: String,
    budget: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Breaking {
    async fn to(target: String) -> Self {
        use std::sync::atomic::Ordering::Relaxed;
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let budget = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(usize::MAX));
        let of_way = std::sync::Arc::clone(&budget);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = tokio::net::TcpStream::connect(&target).await else {
                    continue;
                };
                let mut left = of_way.load(Relaxed);
                tokio::spawn(async move {
                    let (mut near_read, mut near_write) = near.into_split();
                    let (mut far_read, mut far_write) = far.into_split();
                    let up = tokio::io::copy(&mut near_read, &mut far_write);
                    let down = async {
                        let mut bytes = [0; 997];
                        while left > 0 {
                            let Ok(count) = far_read.read(&mut bytes).await else {
                                return;
                            };
                            let passed = count.min(left);
                            if count == 0 || near_write.write_all(&bytes[..passed]).await.is_err() {
                                return;
                            }
                            left -= passed;
                        }
                    };
                    tokio::select! { _ = up => {}, () = down => {} }
                });
            }
        });
        Self { address, budget }
    }

    fn breaks_after(&self, bytes: usize) {
        self.budget
            .store(bytes, std::sync::atomic::Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_at_any_point_of_attach_and_replay_loses_and_doubles_nothing() {
    const LINES: usize = 400;
    let (home, mut spoke) = (Machine::new("lead"), Machine::new("coder"));
    let direct = spoke.address();
    let way = Breaking::to(direct.clone()).await;
    spoke.standing["listen"][0][0] = way.address.clone().into();
    home.add("box", &spoke);
    home.open_shell();
    let mut seen = Seen::shell_of(&home, None).await;
    seen.type_in("stty -echo; echo ready-$((1+1))\n").await;
    seen.until("ready-2").await.unwrap();
    let mut position = seen.position;
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do echo \"<$i>\"; i=$((i+1)); done; echo fin-$((1+1))\n"
    );
    seen.type_in(&script).await;
    drop(seen);
    let agent: AgentRef = "sh@box".parse().unwrap();
    let (mut text, mut broken) = (Vec::new(), 0);
    // From within the handshake of TLS to behind the last line.
    for budget in (0..).map(|round: usize| 200 + round * 173) {
        way.breaks_after(budget);
        let again = params(AttachRole::Viewer, Some(position));
        let Ok((_, stream)) = home.client().attach(&agent, &again).await else {
            broken += 1;
            continue;
        };
        let mut seen = Seen {
            stream,
            position,
            text: std::mem::take(&mut text),
            resets: 0,
        };
        let done = seen.until("fin-2").await.is_some();
        assert_eq!(seen.resets, 0, "all of it is within the ring");
        (text, position) = (seen.text, seen.position);
        if done {
            break;
        }
        broken += 1;
    }
    way.breaks_after(usize::MAX);
    spoke.standing["listen"][0][0] = direct.into();
    assert!(broken > 10, "the link broke {broken} times only");
    let text = String::from_utf8_lossy(&text);
    for line in 0..LINES {
        assert_eq!(
            text.matches(&format!("<{line}>")).count(),
            1,
            "line {line}: {text}"
        );
    }
}
