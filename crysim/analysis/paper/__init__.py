"""The paper's tables and figures, with its values beside ours."""
