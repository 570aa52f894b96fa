//! The parts of a control sequence (`CSI … final`).

/// Parameters that the emulator can take in one sequence, sub-parameters included.
const PARAMETERS_LIMIT: usize = 32;

/// One control sequence without its introducer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Csi<'a> {
    /// The private marker, one of `<=>?`.
    pub(super) marker: Option<u8>,
    /// Digits, `;` and `:`.
    pub(super) parameters: &'a [u8],
    /// Bytes 0x20 to 0x2F before the final byte.
    pub(super) intermediates: &'a [u8],
    /// The byte that says what it is.
    pub(super) action: u8,
}

impl<'a> Csi<'a> {
    /// Reads what follows the introducer; `None` if it is not well-formed or has more parameters
    /// than the emulator takes.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&action, bytes) = bytes.split_last()?;
        let (marker, bytes) = match bytes.split_first() {
            Some((&marker @ b'<'..=b'?', rest)) => (Some(marker), rest),
            _ => (None, bytes),
        };
        let length = bytes.iter().position(|byte| matches!(byte, 0x20..=0x2F));
        let (parameters, intermediates) = bytes.split_at(length.unwrap_or(bytes.len()));
        let mut separators = 0;
        let mut well_formed = intermediates.iter().all(|byte| matches!(byte, 0x20..=0x2F));
        for &byte in parameters {
            separators += usize::from(matches!(byte, b';' | b':'));
            well_formed &= matches!(byte, b'0'..=b';');
        }
        (well_formed && separators < PARAMETERS_LIMIT).then_some(Self {
            marker,
            parameters,
            intermediates,
            action,
        })
    }

    /// The values of the parameters; an absent one is 0, one with sub-parameters or too large is
    /// `u16::MAX`.
    pub(super) fn values(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.parameters.split(|&byte| byte == b';').map(|digits| {
            if digits.is_empty() {
                return 0;
            }
            std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(u16::MAX)
        })
    }

    /// The first parameter; 0 if there is none.
    pub(super) fn first(&self) -> u16 {
        self.values().next().unwrap_or(0)
    }
}
