"""What people look at: figures, self-contained pages, published results, comparisons."""
