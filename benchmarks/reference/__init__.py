"""What riverrun is measured against: the same work done the way one would write it by hand."""
