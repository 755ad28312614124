"""Echo Chamber (arXiv 2504.07912): RL amplifies one of the formats that pretraining had."""
