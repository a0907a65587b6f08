"""`riverrun replay`: a data set as a stream, predicted first and labelled when the label would be known."""
