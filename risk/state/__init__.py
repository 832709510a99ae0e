"""What must survive a crash: the control state's stores, the intent journal, and what a start may trust of them."""
