//! The size that is asked for by a request.

use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachRole};
use podfleet_protocol::rpc::{ErrorCode, RpcError};

use super::*;
use crate::attach::{ClientId, outbox};
use crate::command::NewClient;

type Answer = oneshot::Receiver<Result<Size, RpcError>>;

const fn size(columns: u16) -> Size {
    Size { columns, rows: 30 }
}

async fn ask(controller: &mut Controller, columns: u16) -> Answer {
    let (answer, answered) = oneshot::channel();
    let resize = Command::Resize(size(columns), answer);
    controller.command(resize).await;
    answered
}

async fn attach(controller: &mut Controller, role: AttachRole, columns: u16) -> ClientId {
    let (frames, _) = outbox();
    let (answer, attached) = oneshot::channel();
    let client = NewClient {
        name: "attach".into(),
        params: AttachParams {
            role,
            take: false,
            size: Some(size(columns)),
            from: None,
        },
        frames,
        answer,
    };
    controller.command(Command::Attach(Box::new(client))).await;
    attached.await.unwrap().unwrap().0
}

#[tokio::test]
async fn of_sizes_that_are_asked_for_at_once_the_last_is_applied_and_all_are_answered_then() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    let mut answers = Vec::new();
    for columns in 50..100 {
        answers.push(ask(&mut controller, columns).await);
    }
    assert_eq!(controller.live.terminal.size(), Size::DEFAULT);
    for answer in &mut answers {
        assert!(answer.try_recv().is_err(), "it is answered already");
    }
    controller.apply_geometry();
    assert_eq!(controller.live.terminal.size(), size(99));
    for mut answer in answers {
        assert_eq!(answer.try_recv().unwrap(), Ok(size(99)));
    }
}

#[tokio::test]
async fn the_size_that_there_is_is_asked_for_without_waiting() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    let (answer, mut answered) = oneshot::channel();
    controller
        .command(Command::Resize(Size::DEFAULT, answer))
        .await;
    assert_eq!(answered.try_recv().unwrap(), Ok(Size::DEFAULT));
}

#[tokio::test]
async fn a_size_that_was_asked_for_gives_way_to_that_of_a_controller_who_comes_meanwhile() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    let mut asked = ask(&mut controller, 50).await;
    attach(&mut controller, AttachRole::Controller, 70).await;
    controller.apply_geometry();
    assert_eq!(controller.live.terminal.size(), size(70));
    let refused = asked.try_recv().unwrap().unwrap_err();
    assert_eq!(refused.code, ErrorCode::ControlTaken);
}

#[tokio::test]
async fn the_size_that_a_view_left_behind_may_be_changed_while_nobody_has_control() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    let view = attach(&mut controller, AttachRole::View, 70).await;
    controller.frame(view, Frame::Input("k".into()));
    let mut refused = ask(&mut controller, 50).await;
    controller.frame(view, Frame::Release);
    controller.apply_geometry();
    assert_eq!(controller.live.terminal.size(), size(70));
    assert!(refused.try_recv().unwrap().is_err());

    let mut asked = ask(&mut controller, 50).await;
    controller.apply_geometry();
    assert_eq!(asked.try_recv().unwrap(), Ok(size(50)));
    assert_eq!(controller.live.terminal.size(), size(50));
}
