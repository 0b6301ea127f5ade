"""RE: one answer is one draw. How far a reader's answers hang on the label, and how far on the way of asking."""
