//! Looking at agents' terminals for as long as the user wants: a pod that ends is waited for.

use std::io;
use std::time::Duration;

use podfleet::Fleet;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::method::{AttachParams, AttachResult, AttachRole};
use tokio::time::sleep;

use super::client::{Client, End, Purpose};
use super::display::ScreenUse;
use super::executor::FleetExecutor;
use super::keys::{OurKeys, Wish};
use super::prefix::PrefixKey;
use super::signals::{Event, Signals};
use super::tty::Tty;
use crate::error::Error;

/// How long the first wait for a pod is; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// How long a wait for a pod is at most.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// An attach stream that was just opened.
pub(crate) type Attached = (AttachResult, AttachStream);

/// Somebody who looks.
pub(crate) struct Look<'a> {
    /// Where commands are carried out; nothing where there are none.
    pub(crate) fleet: Option<&'a Fleet>,
    pub(crate) tty: &'a Tty,
    pub(crate) signals: &'a mut Signals,
    pub(crate) purpose: Purpose,
    pub(crate) screen: ScreenUse,
    pub(crate) prefix: PrefixKey,
    /// Whether the way to it is through a hub, which may end while the terminal goes on.
    pub(crate) through_hub: bool,
    /// What to say of the terminal when it comes up, where it has to be told from others.
    pub(crate) caption: Option<String>,
}

impl Look<'_> {
    /// Looks at one agent until the user leaves or wants to see the next one.
    ///
    /// # Errors
    /// Fails when the user's terminal cannot be read or written.
    pub(crate) async fn at(
        &mut self,
        agent: &str,
        connect: &mut impl AsyncFnMut(&str, AttachParams) -> Result<Attached, Error>,
    ) -> io::Result<End> {
        let executor = self.fleet.map(|fleet| FleetExecutor::new(fleet, agent));
        let mut wait = FIRST_WAIT;
        loop {
            let params = AttachParams {
                role: match self.purpose {
                    Purpose::Attach => AttachRole::Controller,
                    Purpose::View => AttachRole::View,
                    Purpose::Watch => AttachRole::Viewer,
                },
                take: false,
                size: (self.purpose != Purpose::Watch).then(|| self.tty.size()),
                from: None,
            };
            let why = match connect(agent, params).await {
                Ok(attached) => {
                    wait = FIRST_WAIT;
                    let client =
                        Client::new(self.tty, self.signals, attached, self.purpose, self.screen);
                    let mut client = client.with_prefix(self.prefix);
                    if let Some(executor) = &executor {
                        client = client.with_commands(executor);
                    }
                    if let Some(caption) = &self.caption {
                        client = client.with_caption(caption);
                    }
                    match client.run().await? {
                        End::PodGone(why) => why.unwrap_or_else(|| match self.through_hub {
                            true => format!("the way to `{agent}` broke"),
                            false => format!("the pod of `{agent}` ended"),
                        }),
                        end => return Ok(end),
                    }
                }
                Err(error) => error.headline(),
            };
            if let Some(end) = self.wait(agent, &why, wait).await? {
                return Ok(end);
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits a while; the user can leave meanwhile.
    async fn wait(&mut self, agent: &str, why: &str, time: Duration) -> io::Result<Option<End>> {
        let hint = match self.through_hub {
            true => String::new(),
            false => format!(" (`fleet up {agent}` starts it)"),
        };
        self.tell(&format!("{why}; waiting for it{hint}")).await?;
        let mut keys = OurKeys::new(self.prefix);
        let mut typed = [0; 256];
        let over = sleep(time);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Ok(None),
                event = self.signals.next() => match event {
                    Event::Ended => return Ok(Some(End::Interrupted)),
                    Event::Continued => self.tty.make_raw()?,
                    Event::Resized | Event::Unseen => {}
                },
                read = self.tty.read(&mut typed) => {
                    let typed = &typed[..read?];
                    if typed.is_empty() {
                        return Ok(Some(End::Interrupted));
                    }
                    let leave = keys.take(typed).wish == Some(Wish::Leave);
                    match typed {
                        _ if leave => return Ok(Some(End::Left)),
                        b"q" | b"\x03" if self.purpose == Purpose::Watch => {
                            return Ok(Some(End::Left));
                        }
                        b"\t" if self.purpose == Purpose::Watch => return Ok(Some(End::Next)),
                        // There is nobody to type to.
                        _ => {}
                    }
                }
            }
        }
    }

    /// Shows a line in the place of the terminal.
    async fn tell(&self, line: &str) -> io::Result<()> {
        let line = line.replace(char::is_control, " ");
        let text = format!("\x1b[m\x1b[2J\x1b[H{line}\r\n");
        self.tty.write_all(text.as_bytes()).await
    }
}
