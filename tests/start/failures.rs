use std::fs;
use std::time::Instant;

use crate::node::{Node, with_offset};

#[test]
fn sketch() {
    let mut node = Node::unpack("4.9.1-m1", 231).unwrap();
    let shipped = with_offset(&fs::read_to_string(node.configuration()).unwrap(), 231);
    node.configure(&shipped);
    let process = node.process("");
    let begin = Instant::now();
    let (state, assessment) = node.look(&*process);
    eprintln!("{:?} {state:#?} {assessment:#?}", begin.elapsed());
    node.apply(&*process);
    let state = node.ready(&*process);
    let begin = Instant::now();
    let (_, assessment) = node.look(&*process);
    eprintln!("{:?} {state:#?} {assessment:#?}", begin.elapsed());
    fs::write(node.configuration(), shipped + "\n# x\n").unwrap();
    node.apply(&*process);
    node.ready(&*process);
}
