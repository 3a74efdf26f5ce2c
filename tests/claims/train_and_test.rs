//! Training and inference: which statistics stand in for the batch, and what follows.
