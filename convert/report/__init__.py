"""What people look at: pages, pictures, Markdown, and files written whole."""
