//! Markdown as HTML that is safe to show.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// Schemes of links that are kept.
const SCHEMES: [&str; 4] = ["http://", "https://", "mailto:", "matrix:"];

/// Returns HTML of a Markdown text.
///
/// It is safe by what it is made of: raw HTML becomes text, links go where a person may want to go,
/// and pictures, which a client would fetch by itself, become links. Nothing else can come out of
/// the writer.
pub(crate) fn to_html(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut left_out = Vec::new();
    let events = Parser::new_ext(text, options).filter_map(|event| safe(event, &mut left_out));
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events);
    let whole = out.trim_end();
    // One paragraph is a line of a chat, and no block of its own.
    let line = whole
        .strip_prefix("<p>")
        .and_then(|rest| rest.strip_suffix("</p>"));
    line.filter(|line| !line.contains("<p>"))
        .unwrap_or(whole)
        .to_owned()
}

/// Makes an event harmless. `left_out` says of each open link whether its tag was left out.
fn safe<'a>(event: Event<'a>, left_out: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        // In a chat a new line is meant as one.
        Event::SoftBreak => Event::HardBreak,
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(
            Tag::Link {
                link_type,
                dest_url,
                id,
                ..
            }
            | Tag::Image {
                link_type,
                dest_url,
                id,
                ..
            },
        ) => {
            left_out.push(!is_safe(&dest_url));
            Event::Start(safe_link(link_type, dest_url, id)?)
        }
        Event::End(TagEnd::Link | TagEnd::Image) => {
            if left_out.pop().unwrap_or(true) {
                return None;
            }
            Event::End(TagEnd::Link)
        }
        event => event,
    })
}

/// Makes a link without a title; nothing where it leads to what nobody should open.
fn safe_link<'a>(link_type: LinkType, dest_url: CowStr<'a>, id: CowStr<'a>) -> Option<Tag<'a>> {
    is_safe(&dest_url).then_some(Tag::Link {
        link_type,
        dest_url,
        title: CowStr::Borrowed(""),
        id,
    })
}

fn is_safe(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| url.starts_with(scheme)) && !url.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_looks_as_they_mean_it() {
        let text = "**done** in `main`,\nsee [it](https://e.org/?a=1&b=2)\n\n- a\n- b\n\n```rust\nx < y\n```";
        insta::assert_snapshot!(to_html(text), @r#"
        <p><strong>done</strong> in <code>main</code>,<br />
        see <a href="https://e.org/?a=1&amp;b=2">it</a></p>
        <ul>
        <li>a</li>
        <li>b</li>
        </ul>
        <pre><code class="language-rust">x &lt; y
        </code></pre>
        "#);
    }

    #[test]
    fn one_paragraph_is_a_line() {
        assert_eq!(to_html("plain words"), "plain words");
        assert_eq!(to_html("*a*"), "<em>a</em>");
        assert_eq!(to_html("a\n\nb"), "<p>a</p>\n<p>b</p>");
    }

    /// Texts that try to get something by a reader's client.
    const HOSTILE: [&str; 46] = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <b onmouseover=alert(1)>b</b>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](  javascript:alert(1))",
        "[x](<java\nscript:alert(1)>)",
        "[x](java&#x0A;script:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "[x](file:///etc/passwd)",
        "[x](//evil.example/a)",
        "[x](https://e.org/\"onmouseover=\"alert(1))",
        "[x](https://e.org \"\\\" onclick=alert(1) \\\"\")",
        "[![x](https://evil.example/a.png)](javascript:alert(1))",
        "![x](https://evil.example/track.png)",
        "![x](javascript:alert(1))",
        "![<script>](https://e.org/\"><script>)",
        "<javascript:alert(1)>",
        "<https://e.org/\"onclick=alert(1)>",
        "[a]: javascript:alert(1)\n\n[a]",
        "<div\nstyle=\"position:fixed\">x</div>",
        "<!-- --><iframe src=https://evil.example></iframe>",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?php echo 1 ?>\n\n<!DOCTYPE html>",
        "```\"><script>alert(1)</script>\nx\n```",
        "~~~ x\" onload=\"alert(1)\ny\n~~~",
        "|<script>|\n|:-:|\n|<img src=x>|",
        "[x](java&Tab;script&colon;alert(1))",
        "[x](\u{1}javascript:alert(1))",
        "[x](\\javascript:alert(1))",
        "[x](https://e.org/<b>)",
        "[x](https://e.org/'onclick='alert(1))",
        "[x](<https://e.org/\"> <img src=x>>)",
        "[a][b]\n\n[b]: https://e.org \"\\\" style=\\\"x\"",
        "![a][b]\n\n[b]: https://evil.example/track.png",
        "[[x](javascript:alert(1))](https://e.org)",
        "[![x](javascript:alert(1))](https://e.org)",
        "# a {#x onclick=alert(1)}",
        "<a href=\"https://e.org\" onclick=\"alert(1)\">x</a>",
        "<!-- unfinished <script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x&#62;",
        "1. a\n999999999999. b\n\n- [ ] <input onfocus=alert(1) autofocus>",
        "<style>@import url(//evil.example)</style>\n<base href=//evil.example>",
        "<svg/onload=alert(1)>\n<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    ];

    /// The tags that the writer makes of Markdown, whatever the text.
    const TAGS: [&str; 24] = [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
    ];

    /// Returns what is in a piece of HTML that a text could not have asked for by Markdown.
    fn foreign(html: &str) -> Option<&str> {
        html.split('<').skip(1).find(|rest| !is_own(rest))
    }

    fn is_own(rest: &str) -> bool {
        let Some((tag, _)) = rest.split_once('>') else {
            return false;
        };
        let tag = tag.trim_start_matches('/').trim_end_matches(" /");
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let quoted = |before: &str| {
            let value = attributes.strip_prefix(before)?.strip_suffix('"')?;
            (!value.contains('"')).then_some(value)
        };
        let attributes = match name {
            _ if attributes.is_empty() => true,
            "a" => quoted("href=\"").is_some_and(is_safe),
            "code" => quoted("class=\"language-").is_some(),
            "ol" => quoted("start=\"").is_some_and(|start| start.parse::<u64>().is_ok()),
            "td" | "th" => quoted("style=\"text-align: ").is_some_and(|to| to.len() < 7),
            _ => false,
        };
        attributes && (TAGS.contains(&name) || name == "ul")
    }

    #[test]
    fn a_hostile_text_becomes_text() {
        for text in HOSTILE {
            let html = to_html(text);
            assert_eq!(foreign(&html), None, "{text} gives {html}");
        }
        assert!(foreign("<b onclick=\"\">").is_some() && foreign("<img src=\"x\">").is_some());
        assert!(
            foreign("<a href=\"javascript:x\">").is_some(),
            "the test can fail"
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_text_only_our_own_tags_come_of_it(
            text in r#"([<>"'&;:/()!\[\]`*_~|\\ \n-]|a|on|=|javascript:|https://e|script|img|src){0,60}"#,
        ) {
            let html = to_html(&text);
            proptest::prop_assert_eq!(foreign(&html), None, "{} gives {}", text, html);
        }
    }
}
