//! How processes and machines come down and up again.
//!
//! A process that crashes leaves its page cache behind, and its connections are reset; of one that is told to end they
//! close. A machine that crashes takes with it what its disk has not made safe, and says nothing: its peers find out.

use crate::core::Body;
use crate::fault::{Action, Death};
use crate::flying::DEADLINE;
use crate::node::{Domain, News, Node, NodeId};
use crate::out::Out;
use crate::time::Span;
use crate::world::World;

impl<D: Domain> World<D> {
    pub(crate) fn take_down(&mut self, fault: u32, noter: Option<NodeId>) {
        let (victims, death, restart_after) = match self.core.faults[fault as usize].action.clone() {
            Action::Crash { victims, death, restart_after } => (victims, Some(death), restart_after),
            Action::Stop { victims, restart_after } => (victims, None, Some(restart_after)),
            _ => unreachable!("nothing else takes nodes down"),
        };
        for node in victims.nodes(noter) {
            if !self.is_up(node) {
                continue;
            }
            match death {
                Some(death) => self.crash(node, death),
                None => self.stop(node),
            }
            if let Some(span) = restart_after {
                self.schedule_boot(node, span);
            }
        }
    }

    fn schedule_boot(&mut self, node: NodeId, after: Span) {
        let incarnation = self.core.processes[node.0 as usize].incarnation;
        self.core.push_marked(self.core.now + after, node.0, incarnation, Body::Boot, DEADLINE);
    }

    /// A process, or its machine, dies now, and whoever crashes at what comes of it. Nothing if it is down already.
    pub fn die(&mut self, node: NodeId, death: Death) {
        if self.is_up(node) {
            self.crash(node, death);
            self.after_telling();
        }
    }

    fn crash(&mut self, node: NodeId, death: Death) {
        let news = if death == Death::Process { News::Crashed } else { News::MachineCrashed };
        self.core.tell_checks(node, news);
        self.end_process(node, death, true);
    }

    /// A process is told to end: it says good-bye, and its connections close. Nothing if it is down already.
    pub fn terminate(&mut self, node: NodeId) {
        if self.is_up(node) {
            self.stop(node);
            self.after_telling();
        }
    }

    fn stop(&mut self, node: NodeId) {
        self.core.tell_checks(node, News::Stopped);
        self.tell(node, |node, out| node.on_stop(out));
        // It may have crashed at a fact that it has noted meanwhile.
        if self.is_up(node) {
            self.end_process(node, Death::Process, false);
        }
    }

    fn end_process(&mut self, node: NodeId, death: Death, reset: bool) {
        let (index, machine) = (node.0 as usize, death != Death::Process);
        let mut lost = Vec::new();
        if death == Death::MachineInWrite {
            self.core.tear_write(node);
        }
        let disk = &mut self.core.processes[index].disk;
        if machine {
            disk.lose_unsynced(|record, why| lost.push((record, why)));
        } else {
            disk.forget_transfers();
        }
        self.core.dying = true;
        self.nodes[index].on_crash(machine, &mut Out { core: &mut self.core, node });
        for (record, why) in lost {
            let fact = D::record_lost(&record, why, &mut self.core.shared);
            self.core.note(node, fact);
        }
        self.core.processes[index].disk.forget_lost();
        self.core.drop_postponed(node);
        self.core.dying = false;
        self.core.uncut();
        self.void(node);
        self.core.machine_down[index] = machine;
        for (connection, side) in self.core.connections_of(node) {
            self.core.leave(connection, side, reset, machine);
        }
        self.nodes[index] = self.blueprints[index].clone();
    }

    /// Voids all that the process has under way.
    fn void(&mut self, node: NodeId) {
        let process = &mut self.core.processes[node.0 as usize];
        process.incarnation += 1;
        process.up = false;
        process.cores_busy = 0;
        let work = process.work.take().map(|(_, _, mark)| mark);
        let marks: Vec<u32> = work.chain(process.pace.clear()).chain(process.disk_pace.clear()).collect();
        marks.into_iter().for_each(|mark| _ = self.core.flying.remove(mark));
        self.core.take_pending(|event| event.at == node.0 && event.body.is_of_process());
    }

    /// A process boots now, if it is down.
    pub fn restart(&mut self, node: NodeId) {
        if !self.core.processes[node.0 as usize].up {
            self.core.tell_checks(node, News::Restarted);
            self.start(node);
        }
    }

    pub(crate) fn start(&mut self, node: NodeId) {
        self.core.processes[node.0 as usize].up = true;
        if std::mem::take(&mut self.core.machine_down[node.0 as usize]) {
            self.core.expect_retries(node);
        }
        self.tell(node, |node, out| node.start(out));
    }
}
