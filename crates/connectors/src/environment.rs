//! Where connectors find their secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::CreateError;

/// The longest secret that is read from a file, in bytes.
const LONGEST: u64 = 64 << 10;

/// The environment variables that a connector may read; its caller's choice, never the
/// process's own by itself.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// A token or password. It is not shown by `Debug`, and has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Environment {
    /// Returns a secret from the variable `name`, else from the file that `name_FILE` names, less
    /// its last line end. The file must be readable by its owner alone.
    ///
    /// # Errors
    ///
    /// When both are missing or empty, naming the variable, and when the file cannot be read or
    /// others may read it.
    pub fn secret(&self, name: &str) -> Result<Secret, CreateError> {
        let set = |name: &str| self.0.get(name).filter(|value| !value.is_empty());
        if let Some(value) = set(name) {
            return Ok(Secret(value.clone()));
        }
        let path = set(&format!("{name}_FILE")).ok_or_else(|| CreateError::missing_secret(name))?;
        let text = read_private(Path::new(path))
            .map_err(|error| CreateError::unreadable_secret(name, path, error))?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(CreateError::missing_secret(name));
        }
        Ok(Secret(secret.to_owned()))
    }
}

fn read_private(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let reason = format!("others may read it (mode {mode:03o}, expected 600)");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

impl Secret {
    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CreateErrorKind;

    fn secret_file(mode: u32, content: &str) -> (tempfile::TempDir, Environment) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let env = [("T_FILE", path.to_str().unwrap())].into_iter().collect();
        (directory, env)
    }

    #[test]
    fn the_variable_goes_before_its_file() {
        let (_directory, mut env) = secret_file(0o600, "from file\n");
        assert_eq!(env.secret("T").unwrap().expose(), "from file");
        env.0.insert("T".to_owned(), "from variable".to_owned());
        assert_eq!(env.secret("T").unwrap().expose(), "from variable");
    }

    #[test]
    fn a_missing_or_empty_secret_names_the_variable() {
        let (_directory, empty_file) = secret_file(0o600, "\n");
        let empty = [("T", "")].into_iter().collect();
        for env in [Environment::default(), empty, empty_file] {
            let error = env.secret("T").unwrap_err();
            let variable = "T".to_owned();
            assert_eq!(error.kind(), &CreateErrorKind::MissingSecret { variable });
        }
        let error = Environment::default()
            .secret("MATRIX_ACCESS_TOKEN")
            .unwrap_err();
        insta::assert_snapshot!(
            error,
            @"`MATRIX_ACCESS_TOKEN` is missing or empty, and so is what `MATRIX_ACCESS_TOKEN_FILE` names"
        );
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let (_directory, env) = secret_file(0o640, "x\n");
        let error = env.secret("T").unwrap_err();
        insta::assert_snapshot!(
            std::error::Error::source(&error).unwrap(),
            @"others may read it (mode 640, expected 600)"
        );
    }

    #[test]
    fn a_secret_is_not_shown() {
        let env: Environment = [("T", "hush")].into_iter().collect();
        let shown = format!("{env:?} {:?}", env.secret("T").unwrap());
        assert_eq!(shown, r#"{"T"} Secret(…)"#);
    }
}
