//! The line editor, on a thread of its own: it waits for keys as no task may.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor as LineEditor, ExternalPrinter};
use tokio::sync::mpsc;

use crate::error::Error;
use crate::exit::Exit;

/// How many lines that were entered are remembered.
const REMEMBERED: usize = 1_000;

/// A line editor that works while other things are printed above it.
pub(super) struct Editor {
    /// What was entered; ends when the person leaves.
    pub(super) lines: mpsc::UnboundedReceiver<String>,
    printed: std::sync::mpsc::Sender<String>,
    prompt: Arc<Mutex<String>>,
    /// Told to go on once what was entered is dealt with: then the prompt may be another one.
    go_on: std::sync::mpsc::Sender<()>,
}

impl Editor {
    /// Begins to read lines; those of earlier times are in the file `past` (0600).
    pub(super) fn open(prompt: &str, past: &Path) -> Result<Self, Error> {
        let (editor, mut printer) = terminal(past).map_err(|error| {
            Error::new(Exit::System, error).context("the terminal cannot be used")
        })?;
        let (printed, to_print) = std::sync::mpsc::channel::<String>();
        // It waits while no line is being edited, and whoever lets the next line be entered must not.
        std::thread::Builder::new()
            .name("chat-printer".to_owned())
            .spawn(move || {
                for text in to_print {
                    if printer.print(text).is_err() {
                        return;
                    }
                }
            })?;
        let (sender, lines) = mpsc::unbounded_channel();
        let (go_on, waiting) = std::sync::mpsc::channel();
        let prompt = Arc::new(Mutex::new(prompt.to_owned()));
        let reading = Reading {
            editor,
            prompt: Arc::clone(&prompt),
            past: past.to_owned(),
            sender,
            waiting,
        };
        std::thread::Builder::new()
            .name("line-editor".to_owned())
            .spawn(move || reading.run())?;
        Ok(Self {
            lines,
            printed,
            prompt,
            go_on,
        })
    }

    /// Prints above the line that is being edited.
    pub(super) fn print(&self, text: &str) -> Result<(), Error> {
        let text = text.trim_end_matches('\n').to_owned() + "\n";
        let gone = || Error::message(Exit::System, "the terminal cannot be written to");
        self.printed.send(text).map_err(|_| gone())
    }

    /// Lets the next line be entered, behind this prompt.
    pub(super) fn go_on(&mut self, prompt: &str) {
        let mut present = self.prompt.lock().unwrap_or_else(PoisonError::into_inner);
        prompt.clone_into(&mut present);
        // It ends by itself when the person leaves.
        let _ = self.go_on.send(());
    }
}

/// Takes the terminal, with what was entered in earlier times.
fn terminal(
    past: &Path,
) -> Result<(LineEditor<(), FileHistory>, impl ExternalPrinter + use<>), ReadlineError> {
    let config = Config::builder()
        .max_history_size(REMEMBERED)?
        .history_ignore_space(true)
        .build();
    let mut editor: LineEditor<(), FileHistory> = LineEditor::with_config(config)?;
    // There is none yet when somebody chats for the first time.
    let _ = editor.load_history(past);
    let printer = editor.create_external_printer()?;
    Ok((editor, printer))
}

/// What the editor's thread has.
struct Reading {
    editor: LineEditor<(), FileHistory>,
    prompt: Arc<Mutex<String>>,
    past: PathBuf,
    sender: mpsc::UnboundedSender<String>,
    waiting: std::sync::mpsc::Receiver<()>,
}

impl Reading {
    fn present_prompt(&self) -> String {
        let prompt = self.prompt.lock().unwrap_or_else(PoisonError::into_inner);
        prompt.clone()
    }

    fn run(mut self) {
        loop {
            let prompt = self.present_prompt();
            let Ok(line) = self.editor.readline(&prompt) else {
                return;
            };
            // What cannot be remembered was entered all the same.
            let _ = self.editor.add_history_entry(&line);
            let _ = self.editor.save_history(&self.past);
            if self.sender.send(line).is_err() || self.waiting.recv().is_err() {
                return;
            }
        }
    }
}
