//! The answers to the agent's questions.

use podfleet_pod::terminal::{Colors, Rgb, Terminal};
use podfleet_protocol::Size;

fn terminal() -> Terminal {
    Terminal::new(
        Size {
            columns: 100,
            rows: 30,
        },
        10,
    )
}

fn ask(question: &str) -> String {
    String::from_utf8(terminal().feed(question.as_bytes())).unwrap()
}

#[test]
fn the_answers_are_those_of_the_documentation() {
    let cases = [
        ("\x1b[c", "\x1b[?62;22c"),
        ("\x1b[0c", "\x1b[?62;22c"),
        ("\x1bZ", "\x1b[?62;22c"),
        ("\x1b[>c", "\x1b[>1;0;0c"),
        ("\x1b[=c", "\x1bP!|00000000\x1b\\"),
        ("\x1b[5n", "\x1b[0n"),
        ("ab\r\nc\x1b[6n", "\x1b[2;2R"),
        ("\x1b[4;9H\x1b[?6n", "\x1b[?4;9R"),
        ("\x1b[5;9r\x1b[?6h\x1b[6n", "\x1b[1;1R"),
        ("\x1b[?2026$p", "\x1b[?2026;2$y"),
        ("\x1b[?2026h\x1b[?2026$p", "\x1b[?2026;1$y"),
        ("\x1b[?1016$p", "\x1b[?1016;0$y"),
        ("\x1b[?2027$p", "\x1b[?2027;0$y"),
        ("\x1b[?25$p", "\x1b[?25;1$y"),
        ("\x1b[4h\x1b[4$p", "\x1b[4;1$y"),
        (
            "\x1b[1;38;5;208m\x1bP$qm\x1b\\",
            "\x1bP1$r0;1;38;5;208m\x1b\\",
        ),
        ("\x1bP$qr\x1b\\", "\x1bP1$r1;30r\x1b\\"),
        ("\x1b[5 q\x1bP$q q\x1b\\", "\x1bP1$r5 q\x1b\\"),
        ("\x1bP$qx\x1b\\", "\x1bP0$r\x1b\\"),
        (
            "\x1bP+q544e\x1b\\",
            "\x1bP1+r544e=787465726D2D323536636F6C6F72\x1b\\",
        ),
        (
            "\x1bP+q436F;4d73\x1b\\",
            "\x1bP1+r436F=323536\x1b\\\x1bP0+r4d73\x1b\\",
        ),
        ("\x1bP+qrm -rf\x1b\\", "\x1bP0+r\x1b\\"),
        ("\x1b[x", "\x1b[2;1;1;128;128;1;0x"),
        ("\x1b[>4;2m\x1b[?4m", "\x1b[>4;2m"),
        ("\x1b[14t", "\x1b[4;480;800t"),
        ("\x1b[16t", "\x1b[6;16;8t"),
        ("\x1b[18t", "\x1b[8;30;100t"),
        ("\x1b]2;rm -rf\x07\x1b[21t", "\x1b]l\x1b\\"),
        ("\x1b]10;?\x07", "\x1b]10;rgb:d8d8/d8d8/d8d8\x07"),
        ("\x1b]11;?\x1b\\", "\x1b]11;rgb:1818/1818/1818\x1b\\"),
        (
            "\x1b]4;1;?;208;?\x07",
            "\x1b]4;1;rgb:cdcd/0000/0000\x07\x1b]4;208;rgb:ffff/8787/0000\x07",
        ),
        (
            "\x1b]4;1;#102030;1;?\x07",
            "\x1b]4;1;rgb:1010/2020/3030\x07",
        ),
        (
            "\x1b]12;#ff0000\x07\x1b]12;?\x07",
            "\x1b]12;rgb:ffff/0000/0000\x07",
        ),
    ];
    for (question, answer) in cases {
        assert_eq!(ask(question), answer, "{question:?}");
    }
}

#[test]
fn some_questions_get_no_answer() {
    for question in [
        "\x05",
        "\x1b[?u",
        "\x1b]52;c;?\x07",
        "\x1b_Gi=1,a=q;AAAA\x1b\\",
        "\x1b[?996n",
        "\x1b]17;?\x07",
        "\x1b[1;1;1;1;1;1*y",
        "\x1b[?1;1;0S",
    ] {
        assert_eq!(ask(question), "", "{question:?}");
    }
}

#[test]
fn the_version_names_the_pod() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(ask("\x1b[>q"), format!("\x1bP>|podfleet({version})\x1b\\"));
}

#[test]
fn answers_come_in_the_order_of_the_questions_and_see_what_came_before_them() {
    assert_eq!(
        ask("a\x1b[6nb\x1b[c\x1b[6n"),
        "\x1b[1;2R\x1b[?62;22c\x1b[1;3R"
    );
}

#[test]
fn a_question_cut_anywhere_is_answered_once() {
    let question = b"\x1b]11;?\x1b\\";
    for cut in 0..question.len() {
        let mut terminal = terminal();
        let mut answers = terminal.feed(&question[..cut]);
        answers.extend(terminal.feed(&question[cut..]));
        assert_eq!(answers, b"\x1b]11;rgb:1818/1818/1818\x1b\\", "cut at {cut}");
    }
}

#[test]
fn colours_can_be_those_of_the_controllers_terminal() {
    let mut terminal = terminal();
    let background = Rgb::from_hex(0xff_ffff);
    terminal.set_colors(Colors {
        background,
        ..Colors::default()
    });
    assert_eq!(
        terminal.feed(b"\x1b]11;?\x07"),
        b"\x1b]11;rgb:ffff/ffff/ffff\x07"
    );
}
