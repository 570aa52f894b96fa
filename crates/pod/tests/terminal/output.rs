//! Generated terminal output: text and sequences, sensible and not.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

/// Output of a program.
#[derive(Clone)]
pub(crate) struct Output(pub(crate) Vec<u8>);

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Output made of many pieces of text and control sequences, with some noise.
pub(crate) fn output() -> impl Strategy<Value = Output> {
    vec(piece(), 0..60).prop_map(|pieces| Output(pieces.concat()))
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => text(),
        3 => prop::sample::select(vec!["\r\n", "\n", "\r", "\x08", "\t", "\x0e", "\x0f", "\x07"])
            .prop_map(Into::into),
        8 => control(),
        2 => prop::sample::select(SEQUENCES.to_vec()).prop_map(<[u8]>::to_vec),
        1 => mode(),
        1 => prop::sample::select(QUESTIONS.to_vec()).prop_map(<[u8]>::to_vec),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "a",
        "hello world ",
        "漢字",
        "é",
        "e\u{301}",
        "👩\u{200D}💻",
        "👍🏽",
        "❤\u{FE0F}",
        "1\u{FE0F}\u{20E3}",
        "🇩🇪",
        "\u{200D}",
        "\u{FE0F}",
        "   ",
        "xxxxxxxxxxxxxxxxxxx",
        "lqqk",
        "한",
        "💻",
    ]);
    vec(words, 1..6).prop_map(|words| words.concat().into_bytes())
}

/// A sequence that moves, erases, inserts, scrolls or colours.
fn control() -> impl Strategy<Value = Vec<u8>> {
    let action = prop::sample::select(b"@ABCDEFGHIJKLMPSTXZ`abdefrmmmm".to_vec());
    let parameter = prop_oneof![3 => 0..8u16, 1 => 0..50u16];
    (vec(parameter, 0..3), action).prop_map(|(parameters, action)| {
        let parameters: Vec<_> = parameters.iter().map(ToString::to_string).collect();
        format!("\x1b[{}{}", parameters.join(";"), char::from(action)).into_bytes()
    })
}

fn mode() -> impl Strategy<Value = Vec<u8>> {
    let mode = prop::sample::select(vec![
        "?1",
        "?6",
        "?7",
        "?12",
        "?25",
        "?1000",
        "?1002",
        "?1003",
        "?1004",
        "?1005",
        "?1006",
        "?1007",
        "?1049",
        "?47",
        "?1048",
        "?2004",
        "?2026",
        "?2031",
        "?3",
        "?2",
        "4",
        "20",
        "12",
        "?1;25;2004",
        "?2031;25",
        "?1049;47",
    ]);
    (mode, any::<bool>()).prop_map(|(mode, set)| {
        let action = if set { 'h' } else { 'l' };
        format!("\x1b[{mode}{action}").into_bytes()
    })
}

/// Sequences that change something else.
const SEQUENCES: &[&[u8]] = &[
    b"\x1b7",
    b"\x1b8",
    b"\x1bD",
    b"\x1bE",
    b"\x1bM",
    b"\x1b=",
    b"\x1b>",
    b"\x1b#8",
    b"\x1b(0",
    b"\x1b(B",
    b"\x1b)0",
    b"\x1b)B",
    b"\x1bc",
    b"\x1b[s",
    b"\x1b[u",
    b"\x1b[!p",
    b"\x1b[3 q",
    b"\x1b[2J\x1b[3J\x1b[H",
    b"\x1b]0;title\x07",
    b"\x1b]2;t\xc3\xa4tl; two\x1b\\",
    b"\x1b[22;2t",
    b"\x1b[23;2t",
    b"\x1b[>7u",
    b"\x1b[<u",
    b"\x1b[=5;2u",
    b"\x1b[>4;2m",
    b"\x1b[>4m",
    b"\x1b]8;id=a;https://example.org/\x1b\\",
    b"\x1b]8;;https://example.org/2\x07",
    b"\x1b]8;;\x07",
    b"\x1b]4;1;rgb:12/34/56;2;?\x07",
    b"\x1b]11;#102030\x1b\\",
    b"\x1b]104\x07",
    b"\x1b]111\x07",
    b"\x1b[38;5;208m",
    b"\x1b[48;2;1;2;3m",
    b"\x1b[4:3m\x1b[58;5;9m",
    b"\x1b[38:2::1:2:3m",
    b"\x1b[1;2;3;4;7;9;90;104m",
    b"\x1b[0m",
    b"\x1b[2;4r",
    b"\x1b[r",
    b"\x1b[30;40r",
];

/// What must not reach a client: questions, and what reaches outside the screen.
pub(crate) const QUESTIONS: &[&[u8]] = &[
    b"\x1b[c",
    b"\x1b[0c",
    b"\x1b[>c",
    b"\x1b[=c",
    b"\x1bZ",
    b"\x05",
    b"\x1b[5n",
    b"\x1b[6n",
    b"\x1b[?6n",
    b"\x1b[?15n",
    b"\x1b[?996n",
    b"\x1b[?2026$p",
    b"\x1b[4$p",
    b"\x1bP$qm\x1b\\",
    b"\x1bP+q544e;436f\x1b\\",
    b"\x1b[>q",
    b"\x1b[>0q",
    b"\x1b[x",
    b"\x1b[?4m",
    b"\x1b[14t",
    b"\x1b[16t",
    b"\x1b[18t",
    b"\x1b[21t",
    b"\x1b[?u",
    b"\x1b]4;0;?\x07",
    b"\x1b]10;?\x1b\\",
    b"\x1b]10;?;?;?\x07",
    b"\x1b]12;?\x07",
    b"\x1b]17;?\x07",
    b"\x1b]52;c;?\x07",
    b"\x1b]52;c;aGVsbG8=\x07",
    b"\x1b]9;done\x07",
    b"\x1b]99;;done\x1b\\",
    b"\x1b]777;notify;a;b\x07",
    b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
    b"\x1bPtmux;\x1b\x1b]4;0;?\x07\x1b\\",
    b"\x1b]5113;ac=send\x1b\\",
    b"\x1b[5i",
    b"\x1b[i",
    b"\x1b[?2031h",
    b"\x1b[?2048h",
    b"\x1b[8;50;100t",
    b"\x1b[1$u",
    b"\x1b[2$w",
    b"\x1b[1;1;1;1;1;1*y",
    b"\x1b[?1;1;0S",
    b"\x1b[6\nn",
    b"\x1b[\x1b[6n",
    b"\x1b]10;?\x18\x1b[5n",
    b"\xc2\x9b6n",
    b"\x9b6n",
    b"\x1b%@",
    b"\x1b F",
    b"\x1b[?2l",
    b"\x1b[&u",
    b"\x1b[#S",
    b"\x1b^private\x1b\\",
    b"\x1bXstring\x1b\\",
    b"\x1b]60;\x1b\\",
    b"\x1b]22;?__current__\x07",
    b"\x1b]1337;ReportCellSize\x07",
    b"\x1b]66;w=1; \x1b\\",
    b"\x1bPq#0;2;0;0;0\x1b\\",
    b"\x1b[?5522$p",
    b"\x1b]3;?WM_NAME\x07",
];
