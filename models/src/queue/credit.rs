//! Credit between two processes of a broker: who sends may have so many messages under way.
//!
//! Models `credit_flow.erl` of RabbitMQ (3.7 to 4.0): a sender begins with an initial credit and is blocked when it has none
//! left; a receiver grants it more each time that it has taken so many. A receiver that is itself blocked keeps its grants
//! back. Only who reads from a socket heeds being blocked: all others go on, into debt.

/// How much credit two processes have between them. RabbitMQ: `credit_flow_default_credit`, {400, 200}.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credit {
    /// At first; without any there is no limit.
    pub initial: u32,
    /// So much more for as many messages.
    pub more_after: u32,
}

/// The sender's side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    left: i64,
}

/// The receiver's side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receiver {
    left: u32,
}

impl Credit {
    pub(super) fn sender(self) -> Sender {
        Sender { left: i64::from(self.initial) }
    }

    pub(super) fn receiver(self) -> Receiver {
        Receiver { left: self.more_after }
    }
}

impl Sender {
    /// It sends one. True: now it is blocked.
    pub(super) fn send(&mut self) -> bool {
        self.left -= 1;
        self.left == 0
    }

    /// It is granted more. True: it is blocked no longer.
    pub(super) fn grant(&mut self, more: u32) -> bool {
        let was_blocked = self.left <= 0;
        self.left += i64::from(more);
        was_blocked && self.left > 0
    }
}

impl Receiver {
    /// It has taken one. What it grants for that.
    pub(super) fn take(&mut self, credit: Credit) -> Option<u32> {
        self.left = self.left.saturating_sub(1);
        (self.left == 0).then(|| {
            self.left = credit.more_after;
            credit.more_after
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_blocked_without_credit_and_goes_on_with_more() {
        let credit = Credit { initial: 4, more_after: 2 };
        let (mut sender, mut receiver) = (credit.sender(), credit.receiver());
        let sent: Vec<bool> = (0..6).map(|_| sender.send()).collect();
        assert_eq!(sent, [false, false, false, true, false, false], "it is blocked once, and goes into debt");
        let grants: Vec<Option<u32>> = (0..6).map(|_| receiver.take(credit)).collect();
        assert_eq!(grants, [None, Some(2), None, Some(2), None, Some(2)]);
        let granted: Vec<bool> = (0..3).map(|_| sender.grant(2)).collect();
        assert_eq!(granted, [false, true, false]);
    }

    #[test]
    fn without_an_initial_credit_nobody_is_ever_blocked() {
        let mut sender = Credit { initial: 0, more_after: 0 }.sender();
        assert!((0..1_000).all(|_| !sender.send()));
    }
}
