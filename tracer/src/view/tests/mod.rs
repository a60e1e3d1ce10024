//! Tests of the view as a whole: spellings against strace's, and lines of several tasks.

mod cases;
mod hostile;
mod lines;
mod memory;
mod styles;
