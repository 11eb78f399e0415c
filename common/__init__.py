"""What everybody uses: pure, without Django, torch or any room of this project."""
