_base_ = ['posemamba-s-243frm_8xb4-120e_h36m.py']

# Annotated 2D joints as input; when testing, x and y are the input's, as in the official code.
model = dict(test_cfg=dict(copy_xy=True))
train_dataloader = dict(dataset=dict(keypoint_2d='gt'))
val_dataloader = dict(dataset=dict(keypoint_2d='gt'))
test_dataloader = val_dataloader
