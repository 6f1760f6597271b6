"""Reading the data layout, data sets and augmentation."""
